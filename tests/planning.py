"""A suite in a folder of the test's own, planned. Holds no test."""

import shutil

import world

from hf_suite import schema
from hf_suite.config import SuiteConfig
from hf_suite.plan import plan


def make(folder, checkpoint):
    """A world, the checkpoint `bert` and the config short.yaml, to be changed."""
    shutil.copytree(checkpoint, folder / "bert")
    (folder / "short.yaml").write_text("device: cpu\ntrain: {max_steps: 3}\n")
    return world.make(folder)


def suite(own, *tasks, configs=("short.yaml",), **over):
    named = {str(own.tasks[task]): None for task in tasks}
    said = {"tasks": named, "config": [str(own.mirror.parent / name) for name in configs]} | over
    return schema.build(SuiteConfig, said, "suite.yaml")


def planned(own, *tasks, models=("bert",), own_models=(), over=None, seeds=None, output=None, **said):
    folder = own.mirror.parent
    return plan(
        suite(own, *tasks, models=own_models, **said),
        models=[str(folder / model) for model in models],
        mirrors=[str(own.mirror)],
        over=over,
        seeds=seeds,
        output=output,
    )


def folders(found):
    return [cell.folder.parts for cell in found.cells]


def key(own, *tasks, **keywords):
    return folders(planned(own, *tasks, **keywords))[-1][2]
