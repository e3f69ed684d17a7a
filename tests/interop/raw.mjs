// A y-websocket client on a bad network: its changes leave late, twice, in the wrong order or merged with gaps.
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../client/web/package.json', import.meta.url))
const Y = require('yjs')
const encoding = require('lib0/encoding')
const decoding = require('lib0/decoding')
const sync = require('y-protocols/sync')
const { Awareness } = require('y-protocols/awareness')

const SYNC = 0

export class RawProvider {
  constructor (url, doc) {
    this.url = url
    this.doc = doc
    this.awareness = new Awareness(doc)
    this.held = []
    this.closes = []
    this.synced = false
    this.ws = null
    this.straight = false // at the end it sends at once: Yjs itself edits, when it tidies up formats of others
    doc.on('update', (update, origin) => {
      if (origin === this) return
      if (this.straight) this.send(encoder => sync.writeUpdate(encoder, update))
      else this.held.push(update)
    })
    this.connect()
  }

  connect () {
    if (this.ws) return
    const ws = this.ws = new WebSocket(this.url)
    ws.binaryType = 'arraybuffer'
    ws.onopen = () => this.send(encoder => sync.writeSyncStep1(encoder, this.doc))
    ws.onmessage = ({ data }) => this.receive(new Uint8Array(data))
    ws.onerror = () => {}
    ws.onclose = ({ code }) => {
      if (this.ws !== ws) return
      this.closes.push(code)
      this.ws = null
      this.synced = false
      this.retry = setTimeout(() => this.connect(), 50)
    }
  }

  disconnect () {
    const ws = this.ws
    clearTimeout(this.retry)
    this.ws = null
    this.synced = false
    ws?.close()
  }

  destroy () { this.disconnect(); this.awareness.destroy() }

  send (write) {
    if (this.ws?.readyState !== 1) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, SYNC)
    write(encoder)
    this.ws.send(encoding.toUint8Array(encoder))
  }

  receive (data) {
    const decoder = decoding.createDecoder(data)
    if (decoding.readVarUint(decoder) !== SYNC) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, SYNC)
    if (sync.readSyncMessage(decoder, encoder, this.doc, this) === sync.messageYjsSyncStep2) this.synced = true
    if (encoding.length(encoder) > 1) this.ws?.send(encoding.toUint8Array(encoder))
  }

  // Some of what waits leaves now; nothing of it leaves in the way it was made.
  jumble (rng) {
    const some = []
    this.held = this.held.filter(update => rng.next() < 0.3 || !some.push(update))
    let frames = some
    switch (rng.below(5)) {
      case 0: frames = some.reverse(); break
      case 1: frames = some.flatMap(update => [update, update]); break
      case 2: frames = some.sort(() => rng.next() - 0.5); break
      case 3: if (some.length > 1) frames = [Y.mergeUpdates(some)]; break
      case 4: if (some.length) frames = [...some, Y.mergeUpdates([...some].reverse()), rng.pick(some)]; break
    }
    for (const update of frames) this.send(encoder => sync.writeUpdate(encoder, update))
  }
}
