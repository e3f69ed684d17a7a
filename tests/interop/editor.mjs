// What random editors do to a Yjs document, and how two documents are compared. Used by peer.mjs.
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../client/web/package.json', import.meta.url))
const Y = require('yjs')

const WORDS = ['a', 'bc', 'déjà', '🎬', 'x🎞️y', 'def ', '漢字']
const TAGS = ['p', 'h1', 'li']

// Seeded and the same everywhere: 32 bits of xorshift.
export const random = seed => {
  let state = (Math.imul(seed, 2654435761) ^ 0x5bd1e995) | 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 0x100000000
  }
  const below = n => Math.floor(next() * n)
  return { next, below, pick: list => list[below(list.length)] }
}

// Editors place cursors between characters, not inside a surrogate pair (see test_convergence.py).
const whole = (text, at) => /[\uDC00-\uDFFF]/.test(text[at] ?? '') ? at - 1 : at

const value = rng => rng.pick([rng.below(9), 'é', null, true, 0.5, { x: [1, { y: 'z' }] }, ['a', 2]])

const nested = (rng, depth = 0) => {
  const map = new Y.Map()
  map.set('x', value(rng))
  if (rng.next() < 0.5) map.set('prompt', new Y.Text(rng.pick(WORDS)))
  if (rng.next() < 0.3) map.set('stars', Y.Array.from([value(rng), value(rng)]))
  if (depth < 2 && rng.next() < 0.3) map.set('in', nested(rng, depth + 1))
  return map
}

const maps = doc => [...doc.getMap('nodes').values()].filter(item => item instanceof Y.Map)

const acts = [
  (doc, rng) => { doc.getMap('nodes').set(`v${rng.below(5)}`, value(rng)) },
  (doc, rng) => { doc.getMap('nodes').set(`n${rng.below(5)}`, nested(rng)) },
  (doc, rng) => { doc.getMap('nodes').delete(`${rng.pick(['v', 'n'])}${rng.below(5)}`) },
  (doc, rng) => {
    const map = rng.pick(maps(doc))
    const key = rng.pick(['x', 'y', 'in'])
    if (map) rng.next() < 0.2 ? map.delete(key) : map.set(key, rng.next() < 0.3 ? nested(rng, 1) : value(rng))
  },
  (doc, rng) => {
    const prompt = rng.pick(maps(doc))?.get('prompt')
    if (prompt instanceof Y.Text) type(prompt, rng)
  },
  (doc, rng) => type(doc.getText('text'), rng),
  (doc, rng) => type(doc.getText('text'), rng),
  (doc, rng) => {
    const list = doc.getArray('list')
    if (rng.next() < 0.6) list.insert(rng.below(list.length + 1), [rng.next() < 0.3 ? nested(rng, 1) : value(rng)])
    else if (list.length) {
      const at = rng.below(list.length)
      list.delete(at, 1 + rng.below(Math.min(3, list.length - at)))
    }
  },
  (doc, rng) => {
    const page = doc.getXmlFragment('page')
    const at = rng.below(page.length + 1)
    if (rng.next() < 0.4 || !page.length) {
      const element = new Y.XmlElement(rng.pick(TAGS))
      element.insert(0, [new Y.XmlText(rng.pick(WORDS))])
      page.insert(at, [element])
    } else {
      const element = page.get(at % page.length)
      if (rng.next() < 0.2) page.delete(at % page.length, 1)
      else if (rng.next() < 0.5) element.setAttribute(rng.pick(['id', 'class']), rng.pick(WORDS))
      else if (element.length) type(element.get(0), rng)
    }
  }
]

const type = (text, rng) => {
  const now = text instanceof Y.XmlText ? text.toDelta().map(part => part.insert).join('') : text.toString()
  const at = whole(now, rng.below(now.length + 1))
  const end = whole(now, Math.min(now.length, at + rng.below(4)))
  if (rng.next() < 0.5 || end <= at) text.insert(at, rng.pick(WORDS))
  else if (rng.next() < 0.6) text.delete(at, end - at)
  else text.format(at, end - at, { [rng.pick(['bold', 'color'])]: rng.pick([true, 'red', null]) })
}

// `count` random edits, some of them several in one transaction.
export const scribble = (doc, seed, count) => {
  const rng = random(seed)
  while (count > 0) {
    const together = rng.next() < 0.2 ? 1 + rng.below(6) : 1
    doc.transact(() => { for (let i = 0; i < together; i++) rng.pick(acts)(doc, rng) })
    count -= together
  }
}

const sorted = item => {
  if (Array.isArray(item)) return item.map(sorted)
  if (item === null || typeof item !== 'object') return item
  return Object.fromEntries(Object.keys(item).sort().map(key => [key, sorted(item[key])]))
}

// A document in one canonical JSON text: what it says, how far each client has come, and whether anything waits.
export const canonical = doc => JSON.stringify({
  nodes: sorted(doc.getMap('nodes').toJSON()),
  prompts: sorted(Object.fromEntries([...doc.getMap('nodes')].flatMap(([key, item]) => {
    const prompt = item instanceof Y.Map ? item.get('prompt') : undefined
    return prompt instanceof Y.Text ? [[key, prompt.toDelta()]] : []
  }))),
  text: sorted(doc.getText('text').toDelta()),
  list: sorted(doc.getArray('list').toJSON()),
  page: doc.getXmlFragment('page').toString(),
  meta: sorted(doc.getMap('meta').toJSON()),
  state: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort((a, b) => a[0] - b[0]),
  waits: doc.store.pendingStructs !== null || doc.store.pendingDs !== null
})

// The same of a document that came as an update.
export const canonicalOf = update => {
  const doc = new Y.Doc()
  doc.getMap('nodes'); doc.getText('text'); doc.getArray('list'); doc.getXmlFragment('page')
  Y.applyUpdate(doc, update)
  const said = canonical(doc)
  doc.destroy()
  return said
}

// Some roots of a document, how far each client has come in it, and whether anything waits, in one canonical JSON text.
export const plain = (doc, roots) => JSON.stringify({
  roots: sorted(Object.fromEntries(roots.map(root => [root, (root === 'text' ? doc.getText(root) : doc.getMap(root)).toJSON()]))),
  state: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort((a, b) => a[0] - b[0]),
  waits: doc.store.pendingStructs !== null || doc.store.pendingDs !== null
})

// The same of a document that came as an update.
export const plainOf = (update, roots) => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  const said = plain(doc, roots)
  doc.destroy()
  return said
}
