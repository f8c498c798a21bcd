"""Maps, compared with maps on one grid."""
