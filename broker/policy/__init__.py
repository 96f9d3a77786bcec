"""Policy as data: the file in which a partnership says who is told what and who must act by when, read and checked into `Policy`."""
