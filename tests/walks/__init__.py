"""Random walks over the verbs: two clones, one remote, kills, merges and purges, all at once."""
