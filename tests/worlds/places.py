"""Where the tests, the checkout and the material beside it lie."""

from __future__ import annotations

from pathlib import Path

WORLDS = Path(__file__).parent
TESTS = WORLDS.parent
ROOT = TESTS.parent
SHARED = ROOT.parent / "shared"
MEDITERRANEAN = ROOT / "challenges" / "ssh_ose_med2014" / "challenge.yaml"
