"""Search of unlearning methods' knobs on the validation subset: the same number of trials for every method.

`space`: what is searched of a method; `trials`: runs of it; `choice`: which is chosen, and the files they are kept in.
"""
