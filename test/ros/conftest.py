import pytest


@pytest.fixture
def run(tmp_path):
    """Start nodes with a graph around each; at the end all must leave in good order."""
    from ros.graph import FAKE_NODE, Graph, NodeProcess

    started = []

    def start(*ros_arguments, command=FAKE_NODE, node="tracker_node", image="image", **environment):
        process = NodeProcess(command, tmp_path, *ros_arguments, **environment)
        graph = Graph(node, image)
        started.append((process, graph))
        return process, graph

    yield start
    codes = []
    for process, graph in started:
        graph.close()
        codes.append(process.stop())
    outputs = "\n".join(process.output() for process, _ in started)
    assert "Traceback" not in outputs, outputs
    assert codes == [0] * len(codes), outputs
