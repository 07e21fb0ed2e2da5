// @ts-check
// User names in the characters that the API takes: printable ASCII.

/** @type {Record<string, string>} */
const LETTERS = {
  "æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "ð": "d", "þ": "th", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "ŋ": "ng", "’": "'", "‘": "'", "–": "-", "—": "-",
  "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ie", "ж": "zh", "з": "z", "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k",
  "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ў": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh",
  "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz", "ѓ": "g", "ќ": "k", "ѕ": "dz",
  "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p",
  "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
};

/** German writes these with an e, unlike the letters with two dots of other languages. */
const PRECOMPOSED = /** @type {Record<string, string>} */ ({ "ä": "ae", "ö": "oe", "ü": "ue", "å": "aa" });

/**
 * A name in ASCII letters, or null if some of its letters have no usual spelling.
 *
 * @param {string} name
 */
export function transliterated(name) {
  const one = (/** @type {string} */ letter) => {
    const lower = letter.toLowerCase();
    const found = PRECOMPOSED[lower] ?? LETTERS[lower];
    if (found === undefined) return letter.normalize("NFKD").replace(/\p{M}/gu, "");
    return letter === lower ? found : found.charAt(0).toUpperCase() + found.slice(1);
  };
  // Compatibility forms, such as full-width letters, become their usual ones.
  const plain = [...name.normalize("NFC")].map(one).join("").normalize("NFKD").replace(/\p{M}/gu, "");
  const text = [...plain].map((letter) => (/[^ -~]/.test(letter) ? one(letter) : letter)).join("").trim();
  return /^[ -~]+$/.test(text) ? text : null;
}
