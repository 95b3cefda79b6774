from django.urls import path

from integrations.demo.digits import views as digits
from integrations.demo.welcome import views

app_name = "demo"

urlpatterns = [
    path("", views.welcome, name="welcome"),
    path("map/", views.live_map, name="map"),
    path("as/<slug:name>/", views.enter, name="enter"),
    path("verify/<int:pk>/", views.verify, name="verify"),
    path("again/<int:pk>/", views.again, name="again"),
    path("kill/", views.kill, name="kill"),
    path("pause/", views.pause, name="pause"),
    path("digits/<int:number>.png", digits.image, name="digit"),
]
