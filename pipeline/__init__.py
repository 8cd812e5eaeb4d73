"""Make face classifiers forget people: data, training, unlearning and audits, without DVC or a command line."""
