"""Maps, compared with what an altimeter saw along its tracks."""
