"""Counting and EM passes on an Apache Spark cluster (extra ``spark``)."""
