"""What a challenge's own data and rules do to those who take part: how bad it is, and the cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from oceanbench.errors import OceanbenchError

Severity = Literal["stops", "misleads", "remark"]
SEVERITIES: dict[Severity, str] = {  # worst first, and what each means
    "stops": "participants cannot take part, or a score has no value",
    "misleads": "it works, and its numbers may not mean what they seem to",
    "remark": "worth knowing, or saying on the card",
}


@dataclass(frozen=True)
class Finding:
    """One thing that an organiser wants to know before publishing.

    Attributes
    ----------
    severity : a key of :data:`SEVERITIES`
    about : dataset, mask, score, or key of challenge.yaml
    text : what was found
    cure : what to do about it; "" where nothing need be done
    """

    severity: Severity
    about: str
    text: str
    cure: str = ""


def refused(about: str, problem: OceanbenchError) -> Finding:
    """What stops whoever opens or scores it, by the refusal that they would read.

    >>> refused("truth", OceanbenchError("toy: dataset 'truth': no file a.nc; put it there"))
    Finding(severity='stops', about='truth', text='no file a.nc', cure='put it there')
    """
    text, _, cure = str(problem).partition("; ")
    told = f"dataset '{about}': "
    return Finding("stops", about, text.rpartition(told)[2] or text, cure)


def named(names: list[str], most: int = 4) -> str:
    """Some names, and how many more there are.

    >>> named(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
