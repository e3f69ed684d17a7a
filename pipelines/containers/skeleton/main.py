"""{label}: what runs inside the container. Replace `make` by your model; the rest may stay."""

import struct
import zlib

from workprint_runtime import Job, run


def main(job: Job) -> None:
    """Read the job, make the file, name it as the result."""
    job.progress(0, "Loading the model")
    job.log(f"asked for {job.prompt!r} with seed {job.seed}, strength {job.parameters['strength']}")
    make(job)
    job.progress(100, "Done")
    job.result("result.png")


def make(job: Job) -> None:
    """A picture of one colour that the seed chooses, so that the node works before the model is in."""
    red, green, blue = (job.seed * 73 % 256, job.seed * 151 % 256, job.seed * 199 % 256)
    row = b"\0" + bytes((red, green, blue)) * job.width
    job.file("result.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", job.width, job.height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row * job.height))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    run(main)
