// Real Yjs clients, driven by JSON lines on stdin; one JSON line answers each. Used through tests/support/hub.py.
import { createRequire } from 'node:module'
import readline from 'node:readline'

const require = createRequire(new URL('../../client/web/package.json', import.meta.url))
const Y = require('yjs')
const { WebsocketProvider } = require('y-websocket')
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider')
const { readAuthMessage } = require('y-protocols/auth')
const decoding = require('lib0/decoding')
const { canonical, canonicalOf, plain, plainOf, random, scribble } = await import('./editor.mjs')
const { RawProvider } = await import('./raw.mjs')

console.log = console.error // stdout is for answers

const peers = new Map()
const sockets = new Map()
const AUTH = 2 // y-websocket's message that something is denied
const SYNC_STATUS = 8

// Node's own WebSocket, showing a cookie as a browser would.
const withCookie = cookie => class extends WebSocket {
  constructor (url, protocols = []) { super(url, { protocols, headers: { cookie } }) }
}

class Peer {
  constructor ({ base, project = 'film', dialect, document, token, cookie, socket, clientId, undoes = false, resync = -1, bc = false, flushDelay = false, sessionAware = false, awareness = true }, old) {
    this.doc = old?.doc ?? new Y.Doc()
    if (clientId) this.doc.clientID = clientId
    if (undoes) this.undoing
    this.closes = []
    this.denials = []
    this.notices = []
    this.counts = []
    this.scopes = []
    this.ends = []
    this.refused = 0 // changes that were not taken
    this.gaveUp = null
    const WebSocketPolyfill = cookie ? withCookie(cookie) : WebSocket
    if (dialect === 'yjs') {
      this.provider = new WebsocketProvider(`${base}/${project}`, document, this.doc, {
        WebSocketPolyfill, params: cookie ? {} : { token }, disableBc: !bc, resyncInterval: resync
      })
      this.provider.on('closed', ({ code }) => { this.gaveUp = code })
      this.provider.messageHandlers[AUTH] = (_, decoder) => {
        readAuthMessage(decoder, this.doc, (__, reason) => { this.refused++; this.denials.push(reason) })
      }
      this.provider.on('connection-close', event => this.closes.push(event?.code))
      this.socket = this.provider
    } else if (dialect === 'raw') {
      this.provider = new RawProvider(`${base}/${project}/${document}?token=${token}`, this.doc)
      this.closes = this.provider.closes
      this.socket = this.provider
    } else {
      const shared = socket && sockets.get(socket)
      this.socket = shared ?? new HocuspocusProviderWebsocket({ url: `${base}/${project}`, WebSocketPolyfill, delay: 50, minDelay: 50 })
      if (socket) sockets.set(socket, this.socket)
      this.socket.on('close', ({ event }) => this.closes.push(event.code))
      this.provider = new HocuspocusProvider({
        name: document,
        document: this.doc,
        token: cookie ? '' : () => this.token,
        websocketProvider: this.socket,
        sessionAwareness: sessionAware,
        flushDelay,
        onUnsyncedChanges: ({ number }) => this.counts.push(number),
        onMessage: ({ message }) => { if (statusOf(message) === 0) this.refused++ },
        onClose: ({ event }) => this.ends.push(event.reason),
        onAuthenticated: ({ scope }) => this.scopes.push(scope),
        ...(awareness ? {} : { awareness: null }),
        onAuthenticationFailed: ({ reason }) => this.denials.push(reason),
        onStateless: ({ payload }) => this.notices.push(payload)
      })
      this.token = token
      this.provider.attach()
    }
  }

  get map () { return this.doc.getMap('nodes').toJSON() }
  get text () { return this.doc.getText('text').toString() }
  get synced () { return this.provider.synced }
  get unsynced () { return this.provider.unsyncedChanges }
  get saved () { return this.provider.synced && this.provider.unsyncedChanges === 0 }
  get scope () { return this.provider.authorizedScope }
  get states () { return Object.fromEntries(this.provider.awareness.getStates()) }
  get undoing () {
    const roots = () => [this.doc.getMap('nodes'), this.doc.getText('text'), this.doc.getArray('list'), this.doc.getXmlFragment('page')]
    return (this.undoer ??= new Y.UndoManager(roots(), { captureTimeout: 0 }))
  }

  json (root) { return root === 'text' ? this.text : this.doc.getMap(root).toJSON() }
  holds (root, mark) { return JSON.stringify(this.json(root)).includes(mark) }
  get told () { return this.notices.map(JSON.parse).filter(notice => notice.type === 'refused').flatMap(notice => notice.breaches) }
  get id () { return this.doc.clientID }
  get ws () { return this.provider.ws ?? this.socket.webSocket }
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const about = (peer, expression) => new Function('p', `return (${expression})`)(peer)

// Whether a change was taken, when a Hocuspocus message says so: 1 or 0.
const statusOf = message => {
  const decoder = decoding.clone(message.decoder, 0)
  decoding.readVarString(decoder)
  return decoding.readVarUint(decoder) === SYNC_STATUS ? decoding.readVarInt(decoder) : undefined
}

// A record as clients make them: `{ $text: '...' }` is a shared text, `{ $map: {...} }` a shared map.
const shared = value => {
  if (value?.$map) return new Y.Map(Object.entries(value.$map).map(([key, item]) => [key, shared(item)]))
  return value?.$text === undefined ? value : new Y.Text(value.$text)
}

const ops = {
  open: (_, command) => { peers.set(command.peer, new Peer(command, peers.get(command.peer))) },
  set: (p, { key, value }) => { p.doc.getMap('nodes').set(key, value) },
  type: (p, { at, text }) => { p.doc.getText('text').insert(at ?? p.text.length, text) },
  erase: (p, { at, length, halves = false }) => {
    // Editors delete whole characters; half an emoji is not one (see test_convergence.py).
    const whole = i => halves || !/[\uDC00-\uDFFF]/.test(p.text[i] ?? '')
    while (!whole(at)) at--
    while (!whole(at + length)) length++
    p.doc.getText('text').delete(at, length)
  },
  put: (p, { root, key, value }) => { p.doc.getMap(root).set(key, shared(value)) },
  edit: (p, { code }) => { p.doc.transact(() => new Function('p', 'doc', 'shared', code)(p, p.doc, shared)) },
  together: (_, { edits }) => { for (const each of edits) ops.edit(peers.get(each.peer), each) },
  plain: (p, { roots }) => plain(p.doc, roots),
  plainOf: (_, { hex, roots }) => plainOf(Buffer.from(hex, 'hex'), roots),
  presence: (p, { state }) => { p.provider.awareness.setLocalState(state) },
  raw: (p, { hex }) => { p.ws.send(Buffer.from(hex, 'hex')) },
  offline: async p => {
    p.socket.disconnect()
    // Until it has noticed, Hocuspocus's socket takes `connect` for superfluous, and would stay away for ever.
    while (p.socket !== p.provider && p.socket.status !== 'disconnected') await sleep(1)
  },
  online: p => { p.socket.connect() },
  cut: p => { p.provider.destroy(); if (p.socket !== p.provider) p.socket.destroy() },
  token: async (p, { token }) => { p.token = token; await p.provider.sendToken() },
  detach: p => { p.provider.detach() },
  attach: p => { p.provider.attach() },
  forceSync: p => { p.provider.forceSync() },
  stateless: (p, { payload }) => { p.provider.sendStateless(payload) },
  params: (p, { token }) => { p.provider.params = { token } },
  destroy: p => { p.provider.destroy() },
  scribble: (p, { seed, count }) => { scribble(p.doc, seed, count) },
  jumble: (p, { seed }) => { p.provider.jumble(random(seed)) },
  straight: p => { p.provider.straight = true },
  undo: (p, { seed }) => {
    const rng = random(seed)
    for (let i = rng.below(4); i >= 0; i--) rng.next() < 0.6 ? p.undoing.undo() : p.undoing.redo()
  },
  canonical: p => canonical(p.doc),
  canonicalOf: (_, { hex }) => canonicalOf(Buffer.from(hex, 'hex')),
  forget: (p, { peer }) => { ops.cut(p); peers.delete(peer); p.doc.destroy() },
  update: p => Buffer.from(Y.encodeStateAsUpdate(p.doc)).toString('hex'),
  read: (p, { expression }) => about(p, expression) ?? null,
  until: async (p, { condition, within_seconds }) => {
    const end = Date.now() + within_seconds * 1000
    while (!about(p, condition)) {
      if (Date.now() > end) {
        const now = { map: p.map, text: p.text, unsynced: p.unsynced, closes: p.closes, denials: p.denials }
        throw new Error(`never happened: ${condition}; ${JSON.stringify(now).slice(0, 2000)}`)
      }
      await sleep(5)
    }
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer
  try {
    const command = JSON.parse(line)
    const peer = peers.get(command.peer)
    answer = { value: (await ops[command.op](peer, command)) ?? null }
  } catch (error) {
    answer = { error: String(error?.stack ?? error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
process.exit(0)
