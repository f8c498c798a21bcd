"""What a result was computed with."""

from __future__ import annotations

from oceanbench.scoring import provenance


def test_a_checkout_that_git_cannot_read_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "oceanbench")
    assert provenance.commit() is None
    (tmp_path / ".git").mkdir()
    assert provenance.commit() is None
