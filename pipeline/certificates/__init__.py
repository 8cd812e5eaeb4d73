"""Certificates: what a model in service was asked to forget, how it is known that it has, and a signature.

`content` says what stands in one, `signing` has keys and signatures, `page` the printable page, `files` issues and
checks both files.
"""
