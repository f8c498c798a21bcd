"""Hypothesis runs the same few examples every time, without deadlines."""

from hypothesis import Phase, settings

settings.register_profile(
    "oceanbench",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),  # the examples are small: shrinking is not worth it
)
settings.load_profile("oceanbench")
