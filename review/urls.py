"""The reviewer's pages. Which part of the queue is worked on stands in each query string."""

from django.urls import path

from review.views import deciding, exports, filters, queue, tasks, waiting

app_name = "review"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("next/", queue.next_task, name="next"),
    path("tasks/<int:task_id>/", tasks.task, name="task"),
    path("tasks/<int:task_id>/history/", tasks.history, name="history"),
    path("tasks/<int:task_id>/look/", tasks.look, name="look"),
    path("tasks/<int:task_id>/claim/", tasks.claim, name="claim"),
    path("tasks/<int:task_id>/heartbeat/", tasks.heartbeat, name="heartbeat"),
    path("tasks/<int:task_id>/release/", tasks.release, name="release"),
    path("tasks/<int:task_id>/skip/", tasks.skip, name="skip"),
    path("tasks/<int:task_id>/draft/", tasks.draft, name="draft"),
    path("tasks/<int:task_id>/decide/", deciding.decide, name="decide"),
    path("tasks/<int:task_id>/pend/", waiting.pend, name="pend"),
    path("tasks/<int:task_id>/resume/", waiting.resume, name="resume"),
    path("tasks/<int:task_id>/send-back/", waiting.send_back, name="send_back"),
    path("decisions/<int:decision_id>/undo/", deciding.undo, name="undo"),
    path("filters/", filters.filters, name="filters"),
    path("filters/keep/", filters.keep_filter, name="keep_filter"),
    path("filters/<int:pk>/<slug:action>/", filters.change_filter, name="change_filter"),
    path("exports/", exports.exports, name="exports"),
    path("exports/download", exports.download, name="download"),
    path("exports/progress", exports.progress, name="progress"),
]
