"""Raw results: boxes and times in the files that the benchmarks' toolkits read."""
