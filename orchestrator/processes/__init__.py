"""The process group of one machine: embedded servers, web, worker, beat."""
