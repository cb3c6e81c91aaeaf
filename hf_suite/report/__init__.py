"""Tables of what runs found, made from their files alone. Computes no score and loads no model.

`cells` finds the files, `groups` joins the seeds of one cell, `table` sets the lines, `mean` makes a suite's
one number, `render` and `markdown` write them down.
"""
