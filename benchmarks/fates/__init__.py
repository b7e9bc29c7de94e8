"""How often what became of a lesion is suggested, rightly and wrongly: gone, new, merged, split; on constructed pairs."""
