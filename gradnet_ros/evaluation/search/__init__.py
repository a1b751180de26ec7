"""`gradnet tune`: a search of the tracker's settings on one half of the sequences, judged on the other."""
