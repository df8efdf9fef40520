"""Eq. 6's matching: IoU of all pairs, then an optimal assignment by scipy or, without scipy, in Python."""
from scoring import serve, workload

try:
    import numpy as np
    import scipy
    from scipy.optimize import linear_sum_assignment
except ImportError:
    np = None


def iou_numpy(a, b):
    a, b = np.asarray(a, dtype=np.float64)[:, None], np.asarray(b, dtype=np.float64)[None]
    side = lambda i: np.maximum(0, np.minimum(a[..., i] + a[..., i + 2], b[..., i] + b[..., i + 2]) - np.maximum(a[..., i], b[..., i]))
    shared = side(0) * side(1)
    return shared / (a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - shared)


def iou_floats(a, b):
    table = []
    for x, y, w, h in a:
        row = []
        for u, v, s, t in b:
            dx, dy = min(x + w, u + s) - max(x, u), min(y + h, v + t) - max(y, v)
            shared = dx * dy if dx > 0 and dy > 0 else 0.0
            row.append(shared / (w * h + s * t - shared))
        table.append(row)
    return table


def assign(cost):
    """Shortest augmenting paths with potentials (Jonker-Volgenant) for rows <= columns: the column of each row."""
    n, m, inf = len(cost), len(cost[0]), float("inf")
    u, v, match = [0.0] * (n + 1), [0.0] * (m + 1), [0] * (m + 1)
    for i in range(1, n + 1):
        match[0], j0 = i, 0
        least, used, way = [inf] * (m + 1), [False] * (m + 1), [0] * (m + 1)
        while match[j0]:
            used[j0] = True
            i0, delta, j1 = match[j0], inf, 0
            for j in range(1, m + 1):
                if not used[j]:
                    reduced = cost[i0 - 1][j - 1] - u[i0] - v[j]
                    if reduced < least[j]:
                        least[j], way[j] = reduced, j0
                    if least[j] < delta:
                        delta, j1 = least[j], j
            for j in range(m + 1):
                if used[j]:
                    u[match[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
        while j0:
            match[j0], j0 = match[way[j0]], way[j0]
    return {match[j] - 1: j - 1 for j in range(1, m + 1) if match[j]}


def total_scipy(iou):
    def total(truth, predicted):
        table = np.asarray(iou(truth, predicted))
        rows, columns = linear_sum_assignment(table, maximize=True)
        return float(table[rows, columns].sum())
    return total


def total_python(truth, predicted):
    table = iou_floats(truth, predicted)
    wide = table if len(truth) <= len(predicted) else [list(column) for column in zip(*table)]
    return sum(wide[i][j] for i, j in assign([[1 - x for x in row] for row in wide]).items())


def main():
    work = workload()
    run = lambda total: lambda: sum(total(i["truth"], i["predicted"]) / len(i["truth"]) for i in work["images"])
    with_scipy = [] if np is None else [
        (f"numpy {np.__version__} and scipy {scipy.__version__}", run(total_scipy(iou_numpy))),
        (f"plain floats and scipy {scipy.__version__}", run(total_scipy(iou_floats))),
    ]
    serve(work["total"], [("plain floats", run(total_python)), *with_scipy])


main()
