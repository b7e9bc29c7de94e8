"""The keys of a request that may reach the tasks, or the process of a training; whatever else a client sends is dropped.

Beside these a task gets its own options, `lesions`, and clicks, whose keys are the names of lesions.
"""

BY_ADDRESS = frozenset({"image", "model", "output", "user"})
"""What the server itself says to a task; params cannot say otherwise."""

RESERVED = BY_ADDRESS | {"session", "session_id", "file", "uploaded_image"}
"""What the address of a request says: params that carry it are refused."""

FROM_CLIENTS = frozenset(
    {
        "background",
        "client_id",
        "foreground",
        "label",
        "label_prompt",
        "reader",
        "restore_label_idx",
        "result_compress",
        "result_extension",
    }
)
"""What tasks read of the stock clients' params."""

DROPPED = frozenset(
    {
        "description",
        "device",
        "gpus",
        "label_info",
        "label_tag",
        "logging",
        "multi_gpu",
        "reset_state",
        "result_dtype",
        "result_write_to_file",
        "roi",
        "save_label",
        "selected_label_name",
        "slice",
        "timeout",
    }
)
"""What the stock clients send beside, and nobody reads; a lesion cannot be called so."""

NO_LESIONS = RESERVED | FROM_CLIENTS | DROPPED

TO_TRAINING = ("steps", "minutes", "learning_rate", "seed", "device")
"""The only keys of a request that reach another process."""
