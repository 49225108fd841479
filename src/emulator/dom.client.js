/** DOM building. There is no way here to turn a string into markup. */

/** An element with attributes, listeners (`onclick: fn`) and children; strings become text. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat(Number.POSITIVE_INFINITY).filter((child) => child !== undefined && child !== null));
  return element;
}

/** A link that leaves the page; anything but http(s) and mailto is shown as text. */
export function link(url, text) {
  if (!/^(?:https?:|mailto:)/i.test(url)) return h('span', { title: url }, text);
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer', title: url }, text);
}

/** Sends what a person did; resolves with the server's answer, or `{error}`. */
export async function act(path, body) {
  try {
    const response = await fetch(`/do/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return await response.json();
  } catch (error) {
    return { error: String(error) };
  }
}
