"""The words of the reports: what measures are called, what assumptions mean, and what may be claimed.

One place, so that a lawyer can read it in one sitting. Not in here, and in no report: that data were anonymous, that
anything complied with a law, or that a risk was absent. An audit gives evidence; the controller decides.
"""

from __future__ import annotations

import re

from synthaudit.finding import Assumption, Kind
from synthaudit.policy import Verdict

TITLE = "Can patients be found again in these images?"
SERIES = "Privacy audit of synthetic medical images"
DISCLAIMER = "Evidence, not legal advice. The controller decides."
THREAT_MODEL = (
    "Threat model “released images”: a recipient holds the synthetic images, and real images or knowledge of some "
    "patients besides. The recipient has neither the generator nor its weights, and asks whether a patient was among "
    "those it was trained on, or whether a synthetic image shows that patient."
)
_EVIDENCE = {
    Verdict.PASS: "Evidence for meeting policy “{policy}” under threat model “released images”.",
    Verdict.FAIL: "Evidence against meeting policy “{policy}” under threat model “released images”.",
    Verdict.INCONCLUSIVE: "Evidence neither for nor against meeting policy “{policy}” under threat model "
    "“released images”: the audit could not see enough.",
}
VERDICTS = {
    Verdict.PASS: "Every rule of the policy was judged, and none was broken. What the audit cannot see, it cannot rule "
    "out: read “What this audit cannot see” before signing.",
    Verdict.FAIL: "At least one rule of the policy was broken.",
    Verdict.INCONCLUSIVE: "At least one rule could not be judged. This is not a pass.",
}
ASSUMPTIONS = {
    Assumption.EXACT: "The error rate holds as stated if training and holdout patients come from the same source and "
    "were divided by chance. Nothing else is assumed.",
    Assumption.MODEL_ASSISTED: "Besides that, a statistical model was fitted to the data, for example to the far end "
    "of a distribution. The number is as good as the fit.",
    Assumption.UNCALIBRATED: "There is nothing to compare the number with. It describes; it is no test, and no error "
    "rate belongs to it.",
}
KINDS = {
    Kind.DIRECT: "Direct evidence: a synthetic image and a real one, brought into register, are so alike that no two "
    "different patients in the real data come near it. People can look at the pair and judge.",
    Kind.STATISTICAL: "Statistical evidence: a patient is closer to the synthetic images than chance allows at a "
    "stated error rate. No single pair needs to look alike.",
}
NO_REPAIR = (
    "Withholding the images found and releasing the rest is no repair: what was filtered by an audit can tell about "
    "what was removed. Audit a fresh sample."
)
GENERAL_LIMITS = (
    "A recipient who holds the generator or its weights can do more than this audit tried.",
    "Only the synthetic images given were looked at. Another sample of the same generator is another release.",
    NO_REPAIR,
    "Methods of attack improve. Evidence of this kind ages, hence the date of re-audit.",
)
GLOSSARY = {
    "Training images": "The real images that the generator learned from. Their patients are the ones to protect.",
    "Holdout": "Real images of the same source that the generator never saw. They show what closeness chance gives.",
    "Synthetic images": "What the generator made, and what would be released.",
    "Exposed patient": "A patient whom the audit connects with a synthetic image, by direct or statistical evidence.",
    "Encoder": "The program that turns an image into numbers, so that likeness can be measured. Its fingerprint pins "
    "the exact version.",
    "Interval": "The range that the true value lies in with the stated confidence, usually 95 %. A wide one means "
    "that little data stood behind the number.",
    "Real-against-real floor": "The same measure with held-out real images in place of the synthetic ones: what to "
    "expect where nothing was copied.",
    "p-value": "How often chance alone would give a result at least as extreme. Small means hard to explain by chance.",
    "False discovery rate": "Of all patients named, the share expected to be named wrongly.",
    "Family-wise error rate": "The chance that even one of the patients named is named wrongly. Stricter than the "
    "false discovery rate.",
    "Detection limit": "The smallest number of copied patients that this audit finds nine times in ten, on this data.",
    "Planted copy": "A real image hidden by the audit among the synthetic ones, unchanged or altered, to see whether "
    "it is found. Decoys are planted the same way from held-out patients.",
    "AUC": "How well two groups can be told apart: 0.5 is a coin toss, 1 is always right.",
    "Membership attack": "An attempt to tell, of a real image, whether the generator was trained on it.",
}
_MEASURES = {
    "holdout_patients": "Held-out patients",
    "overlap": "Held-out patients who show up in training",
    "auc_beyond_chance": "AUC of the best attack, as far as chance is refuted",
    "detectable_auc": "AUC that would have been told from guessing",
    "p_value": "All attacks together: better than guessing?",
    "auc": "AUC",
    "excess_auc": "AUC beyond difficulty, less one half",
    "tpr_at_1pct_fpr": "Named at 1 % false positives",
    "excess": "Success on training beyond held-out patients",
    "excess_p": "All attacks together: more success on training patients?",
    "train_success": "Success on training patients",
    "holdout_success": "Success on held-out patients",
    "blind_success": "Success of a blind guess",
    "direct_success": "Linked without the synthetic images",
    "population_success": "Success of a model of the population",
    "outlier_excess": "Success on training beyond held-out patients, of those who stand out",
    "tpr_at_0.1pct_fpr": "Named at 0.1 % false positives",
    "exchangeability_auc": "How well training and holdout can be told apart (0.5: not at all)",
    "exchangeability_p": "Chance of so large a difference between comparable sides",
    "shared_patients": "Patients in both training and holdout",
    "retrieval_at_1": "Altered images that lead back to themselves",
    "retrieval_registered": "Altered images that are registered with themselves",
    "same_patient_auc": "How well two images of one patient are told from images of two (0.5: not at all)",
    "effective_rank": "Directions along which the images spread",
    "effective_rank_share": "The same, as a share of the most possible",
    "hubness": "How unequally often images resemble others (0: equally)",
    "dcr_share": "Synthetic images closer to training than to holdout",
    "authenticity": "Authenticity (Alaa 2022)",
    "nndr": "Nearest to second nearest distance (NNDR)",
    "c_t": "Data-copying test C_T (Meehan 2020)",
    "fld_gap": "Likelihood gap (FLD, Jiralerspong 2023)",
    "percentile_rule": "Patients named by the 95 % rule (Dar 2025)",
    "duplicate_pairs": "Duplicate images across training and holdout",
    "realism_p": "Less realistic than other real images?",
    "variety_p": "Other variety than real images?",
    "frechet": "Fréchet distance, all dimensions",
    "frechet_infinity": "Fréchet distance, extrapolated",
    "frechet_pca32": "Fréchet distance, 32 components",
    "frechet_pca32_infinity": "Fréchet distance, 32 components, extrapolated",
    "kid": "Kernel distance (cubic, as KID)",
    "cmmd": "Kernel distance (Gaussian, as CMMD)",
    "precision": "Precision: synthetic images near real ones",
    "density": "Density",
    "recall": "Recall: real images near synthetic ones",
    "coverage": "Coverage",
    "novelty": "Novelty: synthetic images near no real one",
    "vendi": "Vendi score: different images",
    "radiomics_frechet": "Radiomics: log Fréchet distance of 30 features",
    "spectrum": "Spectrum: deviation of log power",
    "checkerboard": "Checkerboard: peak of the spectrum",
    "ms_ssim": "Likeness of two synthetic images (MS-SSIM)",
    "direct_patients": "Training patients with a direct match",
    "direct_holdout_patients": "Holdout patients with a direct match",
    "statistical_patients": "Training patients closer than chance allows",
    "global_p": "All patients together: closer than chance allows?",
    "k_min": "Fewest copied patients that the exact test can name",
    "k_min_share": "The same, as a share of the training patients",
    "decision_agreement": "Resampled audits that decide alike",
    "direct_images": "Synthetic images with a direct match",
    "region_patients": "Training patients shown in part",
    "region_holdout_patients": "Holdout patients shown in part",
    "region_images": "Synthetic images with part of a real one",
    "also_direct": "Patients shown in part who were found whole as well",
    "judged_volumes": "Synthetic volumes judged as a whole",
    "copied_volumes": "Synthetic volumes copied of training patients",
    "copied_holdout_volumes": "Synthetic volumes copied of held-out patients",
    "volume_patients": "Training patients whose volume was copied",
    "direct_volumes": "Synthetic volumes with a direct match in a slice",
    "volumes_to_withhold": "Synthetic volumes to withhold",
    "synthetic_direct": "Synthetic images with a direct match",
    "synthetic_to_withhold": "Synthetic images to withhold",
    "sensitivity": "Planted copies found",
    "detection_limit": "Fewest copied patients found nine times in ten",
    "copied_share_corrected": "Training patients copied, if all copies were altered like this",
    "false_alarms": "False alarms",
    "carried_over": "Files that say what one training patient's files say",
    "carried_over_holdout": "Files that say what one held-out patient's files say",
    "carried_over_patients": "Training patients whose values these are",
    "identifying_files": "Files that hold what a file of nobody must not hold",
    "required_tags_missing": "DICOM files that do not say all they must",
    "damaged_headers": "Files whose header could be read in part only",
    "files_meeting_all_checks": "Files that meet every check",
    "checks_met": "Checks met",
    "with_objection": "Files objected to",
    "required_tags_met": "DICOM files whose header",
    "burned_in_text": "Images with a row of letters, to be read",
    "burned_in_text_images": "The same, counted",
    "burned_in_text_of_people": "Those read as a name, a date or a number",
    "mistaken_identity": "Planted copies that also point at somebody else",
    "linkage_p": "Training patients linked more often than held-out ones?",
    "linkage_beyond_chance": "Training patients found again, as far as chance is refuted",
    "detectable_linkage": "Share of patients shown anew that would have been noticed",
    "linked_patients": "Training patients to whom a synthetic image is linked",
    "linkage_excess": "The same, beyond held-out patients",
    "first_place": "Training patients who lead the list of their nearest synthetic image",
    "linked_images": "Synthetic images linked to a training patient",
    "recognized_if_shown": "Patients who would be linked, if shown",
    "verifier_auc": "Verifier: one person told from two (0.5: not at all)",
    "verifier_eer": "Verifier: equal error rate",
    "verifier_tpr_at_0.1pct_fpr": "Verifier: recognized at 0.1 % false matches",
    "verifier_precision_at_1": "Verifier: most alike image is the same person's",
    "verifier_map_at_r": "Verifier: mean average precision (MAP@R)",
    "underrepresented": "Share of the most under-represented group, against training",
    "overrepresented": "Share of the most over-represented group, against training",
    "association_gap": "Largest change of a finding's tie to a group (odds ratio)",
    "coverage_gap": "Largest lack of coverage of a group, against the others",
    "exposure_gap": "Largest excess exposure of a group, against the others",
    "downstream_gap": "Largest loss of a group by learning from synthetic images",
    "detectable_underrepresentation": "Under-representation that would have been seen",
    "detectable_exposure_gap": "Excess exposure of a group that would have been seen",
    "representation": "Share in synthetic over share in training",
    "odds_ratio_ratio": "Tie of finding and group, synthetic over training",
    "exposed": "Exposed",
    "named": "Named",
    "equalized_odds_gap": "Equalized odds gap",
    "to_look_at": "Synthetic images that a reader should look at",
    "more_than_fresh_p": "More of them than fresh patients' images would give?",
    "unsupported_images": "Synthetic images named as unsupported",
    "beyond_every_real": "Synthetic images more unusual than every real one",
    "unsupported_area": "Share of an image that no real image supports",
    "realism": "Realism score (Kynkaanniemi 2019)",
    "planted_found": "Foreign things put into real images, and found",
    "planted_located": "Those found that the map points at",
    "auc_gap": "AUC after synthetic less AUC after as many real images",
    "auc_gain": "AUC gained by synthetic images beside real ones",
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    "class_sensitivity": "Recognized (sensitivity)",
    "class_specificity": "Kept out (specificity)",
    "enriched_sensitivity": "Sensitivity gained by synthetic images of the rarest class",
    "enriched_specificity": "Specificity changed by synthetic images of the rarest class",
}
_VARIANTS = {
    "plain": "unchanged",
    "flip": "mirrored",
    "noise": "noise added",
    "blur": "blurred",
    "shift": "shifted",
    "crop": "cropped",
    "rotation": "rotated",
    "gamma": "brightness changed",
    "contrast": "contrast changed",
    "jpeg": "JPEG",
    "low_rank": "low rank",
    "elastic": "bent",
    "blend": "blended with another",
    "region": "region in another",
    "combination": "several at once",
    "decoys": "decoys of held-out patients",
    "images": "by images",
    "attributes": "by recorded attributes",
    "gan_leaks": "GAN-Leaks",
    "gan_leaks_calibrated": "GAN-Leaks, calibrated",
    "monte_carlo": "Monte Carlo",
    "domias_knn": "DOMIAS, neighbors",
    "domias_kde": "DOMIAS, kernel density",
    "classifier_odds": "classifier odds",
    "ensemble": "all attacks combined",
    "nearest_image": "by their nearest image",
    "other_visit": "by another visit",
    "sex": "sex",
    "age": "age",
    "ethnicity": "ethnicity",
    "group": "group",
    "site": "site",
    "view": "view",
    "modality": "modality",
    "label": "finding",
    "ball_narrow": "looks just like a synthetic image",
    "ball_wide": "looks much like a synthetic image",
    "record_whole": "all that is written beside a synthetic image",
    "record_rare": "what is rare about a synthetic image",
    "lowest_density": "images unlike others",
    "rare_findings": "rare findings",
    "extreme_ages": "youngest and oldest",
    "part": "a part stands out",
    "throughout": "unusual throughout",
    "whole": "unusual as a whole",
    "blob": "a bright disc",
    "tstr": "trained on synthetic images",
    "trtr": "trained on as many real images",
    "both": "trained on both together",
    "tstr_unflagged": "trained on synthetic images without the copies",
    "doubled": "a structure drawn twice",
    "checkerboard": "a checkerboard",
    "erased": "detail wiped out",
    "text": "letters",
}
_OF_AN_ENCODER = (
    *("retrieval_at_1", "retrieval_registered", "same_patient_auc"),
    *("effective_rank", "effective_rank_share", "hubness"),
    *("dcr_share", "authenticity", "nndr", "c_t", "fld_gap", "percentile_rule"),
    *("frechet", "frechet_infinity", "frechet_pca32", "frechet_pca32_infinity", "kid", "cmmd"),
    *("precision", "density", "recall", "coverage", "novelty", "vendi"),
)
"""Measures whose variant is an encoder, called by its own name."""
FITNESS = {
    "retrieval_at_1": ("Altered images that lead back to themselves", "share"),
    "retrieval_registered": ("registered with themselves", "share"),
    "same_patient_auc": ("Same patient told apart (AUC)", ""),
    "effective_rank": ("Directions used", ""),
    "effective_rank_share": ("of those possible", "share"),
    "hubness": ("Hubness (0: none)", ""),
}
"""Figures of an encoder's fitness: heading and unit of their columns."""
FITNESS_NOTE = (
    "Measured on the real images of this audit, each encoder alone. What the figures mean, and what they do not, "
    "stands under “Are the encoders fit for these images?”. The verdict looks at their combination."
)
_ROLES = {"train": "training", "holdout": "holdout", "synthetic": "synthetic", "reference": "reference"}
_PROBES = {
    "bias": "Is every group of patients treated alike?",
    "inputs": "Are the inputs fit for an audit?",
    "encoders": "Are the encoders fit for these images?",
    "copies": "Were patients copied?",
    "planted": "Planted copies: what would have been found",
    "regions": "Were parts of patients' images copied?",
    "membership": "Do the images give away who was trained on?",
    "reidentification": "Can persons be found again?",
    "checkpoint": "Does the generator itself give away who was trained on?",
    "extraction": "Can patients be taken out of the generator?",
    "singling-out": "Can a training patient be singled out?",
    "linkability": "Can two records of a training patient be linked?",
    "inference": "Can something be inferred about a training patient?",
    "pairs": "What does a generator that translates images keep, add and take away?",
    "hallucination": "What no real image supports",
    "utility": "Do synthetic images teach what real ones do?",
    "phi": "What do the files say beside their pixels?",
    "realism": "Are the synthetic images realistic, and as varied as real ones?",
    "context": "Context: measures in use elsewhere, none of them a verdict",
}
KEY_FIGURES = (
    ("copies", "direct_patients"),
    ("copies", "statistical_patients"),
    ("copies", "synthetic_to_withhold"),
    ("planted", "detection_limit[plain]"),
)
"""The numbers that the first page sets large; those that an audit lacks are left out."""


def evidence_sentence(verdict: Verdict, policy: str) -> str:
    """What the verdict is evidence of, in the only form that the reports may claim."""
    return _EVIDENCE[verdict].format(policy=policy)


def probe_title(probe: str) -> str:
    """A heading for the finding of a probe."""
    return _PROBES.get(probe, _spaced(probe))


def measure_label(name: str) -> str:
    """What a measure is called in plain words, its variant in brackets."""
    found = re.fullmatch(r"(.*?)\[(.*)\]", name)
    stem, variant = found.groups() if found else (name, "")
    label = _MEASURES.get(stem, _spaced(stem))
    if stem in _OF_AN_ENCODER:
        return f"{label}: {variant or 'as used'}"
    return f"{label}: {variant_label(variant)}" if variant else label


def variant_label(variant: str) -> str:
    """What a variant of a measure is called in plain words; a known one may be followed by its strength."""
    family, _, strength = variant.partition(" ")
    if strength and variant not in _VARIANTS and family in _VARIANTS:
        return f"{_VARIANTS[family]}, {strength}"
    return _VARIANTS.get(variant, _spaced(variant).lower())


def category_label(name: str) -> str:
    """A category of a chart in plain words; one that is not a known variant keeps its name."""
    return _VARIANTS.get(name, name)


def role_label(role: str) -> str:
    """What the images of a role are called before the word "images"."""
    return _ROLES.get(role, role)


def _spaced(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
