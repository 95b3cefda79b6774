from django.urls import path

from integrations.demo.digits import views

app_name = "demo"

urlpatterns = [path("digits/<int:number>.png", views.image, name="digit")]
