"""`gradnet prepare`: a data set -> shards of crops and scenes."""
