"""Larger frozen data of OceanBench's challenges, which ``oceanbench`` finds beside itself."""
