"""Loads a model of diffusers as a tier's options say: precision, place of the weights, LoRAs (I-024 to I-037).

model          folder below /models, as `hf download` leaves it
class          the pipeline's class, where it is not the one that the model names (FluxKontextPipeline)
variant        of the weights' files, such as fp16
dtype          float32, float16 or bfloat16
optimizations  fp8, cpu_offloading, sequential, moderate_parallel, full_parallel, vae_tiling, attention_slicing
loras          [{ file = "loras/noir.safetensors", strength = 0.8 }], below /models; a strength may be the name of
               a parameter
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

import diffusers
import torch
from workprint_runtime import Failed, Job

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
OPTIMIZATIONS = (
    "fp8",
    "cpu_offloading",
    "sequential",
    "moderate_parallel",
    "full_parallel",
    "vae_tiling",
    "attention_slicing",
)


def load(job: Job, models: Path) -> Any:
    """The pipeline, ready to be called; raises Failed."""
    options = job.options
    wanted: list[str] = list(options.get("optimizations", []))
    unknown = [name for name in wanted if name not in OPTIMIZATIONS]
    if unknown:
        raise Failed(f"The optimisation {unknown[0]} is not known here; there are {', '.join(OPTIMIZATIONS)}.")
    folder = inside(models, options["model"])
    if not (folder / "model_index.json").is_file():
        raise Failed(f"The weights of {options['model']} are not complete on this node. Download them again.")
    logging.getLogger("diffusers").setLevel(logging.ERROR)
    pipe = class_of(options).from_pretrained(
        folder,
        dtype=DTYPES[options.get("dtype", "bfloat16")],
        local_files_only=True,
        use_safetensors=True,
        **({"variant": options["variant"]} if "variant" in options else {}),
    )
    pipe.set_progress_bar_config(disable=True)
    add_loras(job, pipe, models)
    place(pipe, wanted, options)
    return pipe


def class_of(options: dict[str, Any]) -> Any:
    """The class that loads the model; raises Failed."""
    name = options.get("class", "DiffusionPipeline")
    found = getattr(diffusers, name, None) if name.endswith("Pipeline") else None
    if found is None:
        raise Failed(f"diffusers {diffusers.__version__} has no pipeline called {name}.")
    return found


def place(pipe: Any, wanted: list[str], options: dict[str, Any]) -> None:
    """Put the weights where they have room: on the GPU, or there only while they are needed."""
    if "fp8" in wanted:
        denoiser(pipe).enable_layerwise_casting(
            storage_dtype=torch.float8_e4m3fn, compute_dtype=DTYPES[options.get("dtype", "bfloat16")]
        )
    if "vae_tiling" in wanted or "moderate_parallel" in wanted or "cpu_offloading" in wanted:
        for saving in ("enable_tiling", "enable_slicing"):
            getattr(pipe.vae, saving, lambda: None)()
    if "attention_slicing" in wanted:
        pipe.enable_attention_slicing()
    if not torch.cuda.is_available():
        return
    if "sequential" in wanted:
        pipe.enable_sequential_cpu_offload()
    elif "cpu_offloading" in wanted:
        pipe.enable_model_cpu_offload()
    else:
        pipe.to("cuda")


def denoiser(pipe: Any) -> Any:
    """The large part of a pipeline: a transformer, or the U-Net of older models."""
    return getattr(pipe, "transformer", None) or pipe.unet


def add_loras(job: Job, pipe: Any, models: Path) -> None:
    """Load the LoRAs of the tier and those of the shot, and mix them in."""
    names: list[str] = []
    strengths: list[float] = []
    asked = [{**lora, "file": f"loras/{lora['name']}"} for lora in job.loras]
    for index, lora in enumerate([*job.options.get("loras", []), *asked]):
        path = inside(models, lora["file"])
        if not path.is_file():
            raise Failed(f"The LoRA {lora['file']} is not on this node. Put it below the folder of models.")
        strength = lora.get("strength", 1.0)
        strengths.append(float(job.parameters[strength] if isinstance(strength, str) else strength))
        names.append(f"lora{index}")
        pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name=names[-1], local_files_only=True)
    if names:
        pipe.set_adapters(names, strengths)


def facts_of(pipe: Any, folder: Path) -> dict[str, str]:
    """What is worth remembering about the model that ran: its revision, or the names and sizes of its files."""
    told = folder / ".cache" / "huggingface" / "download" / "model_index.json.metadata"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)
    listing = "\n".join(f"{path.relative_to(folder)} {path.stat().st_size}" for path in files)
    return {
        "model": str(folder.name),
        "model_class": type(pipe).__name__,
        "model_revision": told.read_text(encoding="utf-8").split()[0] if told.is_file() else "",
        "model_files": hashlib.sha256(listing.encode()).hexdigest(),
        "diffusers": diffusers.__version__,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def inside(models: Path, name: str) -> Path:
    """A path below the folder of models; raises Failed when it leads elsewhere."""
    path = (models / name).resolve()
    if not path.is_relative_to(models.resolve()):
        raise Failed(f"{name} is not below the folder of models.")
    return path
