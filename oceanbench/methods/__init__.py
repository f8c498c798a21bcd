"""Methods: their files, inputs, runs, trainings and weights."""
