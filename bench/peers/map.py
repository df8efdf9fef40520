"""COCO's mean average precision by pycocotools: `python map.py WORKLOAD`. See scoring.py for the protocol.

Boxes and results are indexed before; evaluation and accumulation are timed, for one range of areas and one number of
predictions, as ours has. The figure has to be ours.
"""
import contextlib
import importlib.metadata
import io

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from scoring import serve, workload


def main():
    work = workload()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {key: work[key] for key in ("images", "categories", "annotations")}
        truth.createIndex()
        found = truth.loadRes(work["results"])

    def total():
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(truth, found, "bbox")
            evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
            evaluation.params.maxDets = [100]
            evaluation.evaluate()
            evaluation.accumulate()
        precision = evaluation.eval["precision"]
        return float(precision[precision > -1].mean())

    serve(work["ap"], [(f"pycocotools {importlib.metadata.version('pycocotools')}", total)])


main()
