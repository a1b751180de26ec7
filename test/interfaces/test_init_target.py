"""The InitTarget service has the fields that clients were promised."""

import pytest

srv = pytest.importorskip("gradnet_interfaces.srv", reason="gradnet_interfaces is not installed")


def test_request_fields():
    assert srv.InitTarget.Request.get_fields_and_field_types() == {
        "header": "std_msgs/Header",
        "bbox": "vision_msgs/BoundingBox2D",
        "target_id": "string",
        "class_id": "string",
    }


def test_response_fields():
    assert srv.InitTarget.Response.get_fields_and_field_types() == {
        "success": "boolean",
        "message": "string",
        "target_id": "string",
    }


def test_default_request_asks_for_the_next_frame():
    request = srv.InitTarget.Request()
    assert (request.header.stamp.sec, request.header.stamp.nanosec) == (0, 0)
    assert request.bbox.center.theta == 0.0


def test_box_takes_sub_pixel_values():
    request = srv.InitTarget.Request()
    request.bbox.center.position.x = 10.25
    request.bbox.size_x = 0.5
    assert (request.bbox.center.position.x, request.bbox.size_x) == (10.25, 0.5)
