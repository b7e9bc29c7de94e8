"""The server: MONAI Label tasks and the pages beside them; the one folder that knows MONAI Label and speaks HTTP.

errors        which HTTP status an error has
addresses     every address, and who may ask for it
params        what a request carries in a form field
request_pool  computes a few requests at a time
background    work that nobody waits for
engine        studies in memory (volume_cache), registrations on disk, the published network (published_tracker)
followups     tracks one follow-up, for a viewer's request and the page's job alike
access        accounts, log-in, and the guard before every request
studies       MONAI Label's view of a folder or a PACS; uploads; the study that comes next
review        the review page
viewers       the tasks of 3D Slicer and OHIF: mark, track, correct; sessions; OHIF's panel
learning      training from corrections, versions of the weights, scores
serving       routes, errors and guard round MONAI Label's application
app           all of it: what MONAI Label loads
start         how MONAI Label's command line is begun
local_server  such a server as a process of this machine (with kept_app, its folder), for commands and tests
"""
