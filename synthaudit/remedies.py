"""What to do about a rule that did not pass: by the start of its measure's name, the most urgent first."""

from __future__ import annotations

REMEDIES: tuple[tuple[str, str], ...] = (
    (
        "copies/direct_patients",
        "Do not release these images. Look at the pairs in the restricted annex, inform whoever answers for the "
        "patients named there, and retrain on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "copies/direct_holdout_patients",
        "Find out why held-out patients appear: were they trained on after all, or does someone stand under two ids?",
    ),
    (
        "regions/region_patients",
        "Do not release these images. Look at the parts outlined in the restricted annex with someone who knows such "
        "images: what shows a patient, and what only a mark or a device of a common make?",
    ),
    (
        "regions/region_holdout_patients",
        "Find out why parts of held-out patients' images appear: were they trained on after all?",
    ),
    (
        "volumes/copied_volumes",
        "Do not release these volumes, and withhold a copied one whole. Look at its slices in the restricted annex, "
        "and retrain on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "volumes/copied_holdout_volumes",
        "Find out why held-out patients' volumes appear: were they trained on after all?",
    ),
    (
        "copies/statistical_patients",
        "Audit a fresh, larger sample of synthetic images against more held-out patients.",
    ),
    (
        "membership/auc_beyond_chance",
        "Keep these images from anyone who must not learn who was trained on.",
    ),
    (
        "extraction/extracted_",
        "Do not give the generator away, and audit what was made with it: patients' images can be had from it. Retrain "
        "on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "extraction/images_made",
        "Make more images to look for patients in them (the setting extracted_images), and audit again.",
    ),
    (
        "checkpoint/auc_beyond_chance",
        "Do not give the generator away: it tells who was trained on. Retrain on more patients, with fewer passes over "
        "them or with differential privacy, and release no more than samples that were audited.",
    ),
    (
        "checkpoint/loss_or_critic_asked",
        "Hand the audit the generator with its loss (--generator): what can only be sampled is not judged by it.",
    ),
    ("checkpoint/detectable_auc", "Hold out more patients: with so few, no attack on the generator can be seen."),
    ("membership/detectable_auc", "Hold out more patients: with so few, no attack is told from guessing."),
    ("inputs/holdout_patients", "Hold out more patients: real images of the same source that were never trained on."),
    ("copies/k_min_share", "Hold out more patients: with so few, no p-value is small enough to name anyone."),
    ("inputs/overlap", "Remove people who stand on both sides (the restricted folder lists files), and audit again."),
    (
        "inputs/exchangeability_p",
        "Draw training and holdout patients alike: same sites, scanners, years and ages; then audit again.",
    ),
    (
        "encoders/",
        "Audit again with another encoder (synthaudit encoders list), or with more patients: this one was not seen to "
        "tell these images apart.",
    ),
    (
        "planted/",
        "The audit could not have seen what the policy forbids: add images, use a finer encoder, or narrow the claim.",
    ),
    (
        "sources/missing_images",
        "Find out where the images are that their source lists and does not give, and audit again.",
    ),
    (
        "weights/unverified_encoders",
        "Verify the encoder's weights (synthaudit encoders add, with the publisher's SHA-256), and audit again.",
    ),
    (
        "reidentification/linkage_beyond_chance",
        "Do not release these images where someone may hold other images of the patients: persons can be found again. "
        "Retrain on more patients, with fewer passes over them or with differential privacy.",
    ),
    (
        "reidentification/detectable_linkage",
        "Give more patients with several images each, with their study dates: whether persons are found again was not "
        "seen.",
    ),
    (
        "singling-out/",
        "Release fewer or coarser columns beside the images (bands of age, no rare values), or hold out more patients "
        "if the interval is only wide.",
    ),
    (
        "linkability/",
        "Find out whether the recipients can hold several records of a patient; where patients have one, ask another "
        "policy than this one.",
    ),
    (
        "inference/",
        "Take the attributes that are guessed too well away from the release, or give a table with rows for the "
        "synthetic images, if the question was not asked.",
    ),
    (
        "phi/carried_over",
        "Do not release these files: they carry what real files say. Write them anew with nothing but pixels and "
        "invented headers; restricted/phi.csv says which and where.",
    ),
    (
        "phi/identifying_files",
        "Write the synthetic files anew without what restricted/phi.csv lists: dates, names, serial numbers, private "
        "tags.",
    ),
    (
        "phi/required_tags_missing",
        "Write into each synthetic DICOM object that it is synthetic and of nobody (restricted/phi.csv lists what is "
        "missing).",
    ),
    (
        "hallucination/planted_found",
        "Give more real images of the same kind: what no real image supports was not seen.",
    ),
    (
        "hallucination/to_look_at",
        "Let a reader go through the images listed in restricted/image_realism.csv before anyone learns from them.",
    ),
    (
        "utility/",
        "Find out what the images fail to teach (the classes are told apart in the report), or give labels for real "
        "and synthetic images, if the question was not asked.",
    ),
    (
        "bias/detectable_",
        "Give more patients of each group, with their attributes: differences between groups were not seen.",
    ),
    ("bias/exposure_gap", "Protect the group that is named as an audit of its own would ask; averages hide it."),
    (
        "bias/underrepresented",
        "Make more images of the groups that are missing (a conditional generator can be asked for them), or give the "
        "attributes, if the question was not asked.",
    ),
    (
        "bias/overrepresented",
        "Make fewer images of the groups that are inflated, or give the attributes, if the question was not asked.",
    ),
)
