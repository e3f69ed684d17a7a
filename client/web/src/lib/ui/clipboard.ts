// Copies a text; also where a studio is reached without https and browsers hide their clipboard from pages.

/** Whether it is in the clipboard now. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const field = Object.assign(document.createElement('textarea'), { value: text, readOnly: true });
  field.style.position = 'fixed';
  field.style.opacity = '0';
  // Inside the open dialog: it gives the focus to nothing outside.
  const place = before?.closest('[role="dialog"]') ?? document.body;
  place.append(field);
  field.select();
  try {
    // The one way that is left there; the promise-based one is for secure pages only.
    return document.execCommand('copy');
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}
