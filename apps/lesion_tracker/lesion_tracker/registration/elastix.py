"""elastix as this package uses it, inside a process of the pool: affine, similarity, B-spline between images on cubic grids."""

from typing import Any

import numpy as np

Images = dict[str, Any]
"""fixed, moving: float32 (z, y, x); mask: uint8 as fixed; fixed_origin, moving_origin: mm; spacing: mm."""


def affine(job: Images) -> dict[str, np.ndarray]:
    """Return {"matrix": 4x4, moving from fixed in mm}."""
    numbers, center = _linear("AffineTransform", job)
    return {"matrix": _about(center, numbers[:9].reshape(3, 3), numbers[9:])}


def similarity(job: Images) -> dict[str, np.ndarray]:
    """Return {"matrix": 4x4, moving from fixed in mm}, which turns, shifts and stretches alike in all directions."""
    numbers, center = _linear("SimilarityTransform", job)
    x, y, z = numbers[:3]
    w = float(np.sqrt(max(1.0 - x * x - y * y - z * z, 0.0)))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return {"matrix": _about(center, numbers[6] * turn, numbers[3:6])}


def _linear(transform: str, job: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameters that elastix found and the centre (mm) about which they turn and stretch."""
    text = {
        "Transform": transform,
        "NumberOfResolutions": str(len(job["pyramid"])),
        "ImagePyramidSchedule": " ".join(str(f) for f in job["pyramid"] for _ in range(3)),
        "MaximumNumberOfIterations": str(job["iterations"]),
        "NumberOfSpatialSamples": str(job["samples"]),
    }
    found = _run(job, _map("affine", job), text)
    numbers, center = (
        np.array([float(v) for v in found[name]]) for name in ("TransformParameters", "CenterOfRotationPoint")
    )
    return numbers, center


def _about(center: np.ndarray, linear: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the 4x4 matrix of a linear map about a centre, and a shift, mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = shift + center - linear @ center
    return matrix


def bspline(job: Images) -> dict[str, np.ndarray]:
    """Return the control points {"coefficients": (z, y, x, 3) mm, "origin": mm, "spacing": mm} of a cubic B-spline."""
    parameters = _map("bspline", job)
    text = {
        "Registration": "MultiResolutionRegistration",  # the default's two metrics crash beside a mask
        "Metric": "AdvancedMattesMutualInformation",
        "NumberOfResolutions": str(len(job["pyramid"])),
        "ImagePyramidSchedule": " ".join(str(f) for f in job["pyramid"] for _ in range(3)),
        "GridSpacingSchedule": " ".join(str(float(f)) for f in job["pyramid"]),
        "MaximumNumberOfIterations": str(job["iterations"]),
        "NumberOfSpatialSamples": str(job["samples"]),
        "FinalGridSpacingInPhysicalUnits": str(float(job["control_mm"])),
    }
    found = _run(job, parameters, text)
    size = [int(v) for v in found["GridSize"]]
    numbers = np.array([float(v) for v in found["TransformParameters"]])
    return {
        "coefficients": np.moveaxis(numbers.reshape(3, size[2], size[1], size[0]), 0, -1),
        "origin": np.array([float(v) for v in found["GridOrigin"]]),
        "spacing": np.array([float(v) for v in found["GridSpacing"]]),
    }


def _map(kind: str, job: Images) -> Any:
    parameters = _classes()[0]
    return parameters.New().GetDefaultParameterMap(kind, len(job["pyramid"]))


def _classes() -> tuple[Any, Any]:
    """Return elastix's classes of parameters and of a registration of float images, by the names of ITK's own tables.

    Asked for as `itk.ElastixRegistrationMethod` they bring all that elastix could be given, 1,300 modules: fourteen
    seconds and a gigabyte more on two slow cores, for the same answer. Torch, of which nothing here makes use, is left too.
    """
    from itk.support import helpers

    helpers._HAVE_TORCH = False
    from itk import elxParameterObjectPython as parameters
    from itk import itkElastixRegistrationMethodPython as methods

    return parameters.elastixParameterObject, methods.itkElastixRegistrationMethodIF3IF3


def _run(job: Images, parameters: Any, text: dict[str, str]) -> dict[str, Any]:
    """Run elastix and return its transform's parameter map."""
    holder_class, method_class = _classes()
    common = {
        "RandomSeed": "20011",
        "AutomaticTransformInitialization": "false",
        "WriteResultImage": "false",
        "ImageSampler": "RandomCoordinate",
        "NewSamplesEveryIteration": "true",
        "NumberOfHistogramBins": "32",
        "FixedInternalImagePixelType": "float",
        "MovingInternalImagePixelType": "float",
        "FixedImagePyramid": "FixedSmoothingImagePyramid",
        "MovingImagePyramid": "MovingSmoothingImagePyramid",
        "RequiredRatioOfValidSamples": "0.05",
    }
    for key, value in {**common, **text}.items():
        parameters[key] = value.split()
    holder = holder_class.New()
    holder.AddParameterMap(parameters)
    method = method_class.New()
    fixed = _image(job["fixed"], job["fixed_origin"], job["spacing"])
    moving = _image(job["moving"], job["moving_origin"], job["spacing"])
    method.SetFixedImage(fixed)
    method.SetMovingImage(moving)
    method.SetFixedMask(_image(job["mask"], job["fixed_origin"], job["spacing"]))
    method.SetParameterObject(holder)
    method.SetLogToConsole(False)
    method.SetNumberOfThreads(int(job["threads"]))
    method.UpdateLargestPossibleRegion()
    return dict(method.GetTransformParameterObject().GetParameterMap(0))


def _image(array: np.ndarray, origin: np.ndarray, spacing: float) -> Any:
    import itk

    image = itk.image_from_array(np.ascontiguousarray(array))
    image.SetOrigin([float(v) for v in origin])
    image.SetSpacing([float(spacing)] * 3)
    return image


def load(job: Images) -> dict[str, np.ndarray]:
    """Load ITK's modules by a registration of two small blocks, which takes seconds once."""
    z, y, x = np.mgrid[:16, :16, :16].astype(np.float32)
    block = 1000 * np.exp(-((z - 8) ** 2 + (y - 7) ** 2 + (x - 8) ** 2) / 18)
    zero = np.zeros(3)
    small = {
        "fixed": block,
        "moving": block,
        "mask": np.ones(block.shape, dtype=np.uint8),
        "fixed_origin": zero,
        "moving_origin": zero,
        "spacing": 4.0,
        "pyramid": (1,),
        "iterations": 2,
        "samples": 500,
        "threads": job["threads"],
    }
    return affine(small)
