"""What a study asks besides its experiments, resolved into what the workflow needs."""
