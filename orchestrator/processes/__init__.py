"""The process group of one machine: embedded servers, web, worker, timers, beat.

``group.run_group`` runs it, ``child.Process`` describes one more process for it,
``state.Home`` knows the state folder.
"""
