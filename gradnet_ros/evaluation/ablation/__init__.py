"""`gradnet ablate`: what each part of the gradient-guided update adds."""
