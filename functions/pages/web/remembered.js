// @ts-check
// Who joined from this tab, or from this device if they asked for that.

const STORAGE_KEY = "lanyard.attendee";

/** @typedef {{ code: string, user: string, key?: string }} Attendee */

/**
 * What is stored, and whether this device remembers it.
 *
 * @returns {{ attendee: Partial<Attendee>, isDevice: boolean }}
 */
export function remembered() {
  for (const [storage, isDevice] of /** @type {const} */ ([[sessionStorage, false], [localStorage, true]])) {
    try {
      const text = storage.getItem(STORAGE_KEY);
      if (text) return { attendee: JSON.parse(text), isDevice: isDevice || localStorage.getItem(STORAGE_KEY) !== null };
    } catch {
      // Storage may be blocked, and what is stored may be of another version.
    }
  }
  return { attendee: {}, isDevice: false };
}

/**
 * Stores who joined: for this tab, and for this device or not.
 *
 * @param {Attendee} attendee
 * @param {boolean} isDevice
 */
export function remember(attendee, isDevice) {
  const text = JSON.stringify(attendee);
  try {
    sessionStorage.setItem(STORAGE_KEY, text);
    if (isDevice) localStorage.setItem(STORAGE_KEY, text);
    else localStorage.removeItem(STORAGE_KEY);
  } catch {
    // Then the attendee enters the name again.
  }
}

/** Forgets who joined. */
export function forget() {
  sessionStorage.removeItem(STORAGE_KEY);
  localStorage.removeItem(STORAGE_KEY);
}
