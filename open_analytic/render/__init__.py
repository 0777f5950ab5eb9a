"""What draws pictures: steps as a graph, a recall curve, a contact sheet of hits, thumbnails."""
