'use strict';
// C08b: pause before connecting, without a data listener: nothing is read
const net = require('node:net');
const { note, serve, settle, watch } = require('../trace.js');

serve(1, {}, (s) => s.end('hi'), (port) => {
  const c = watch(new net.Socket(), 'C');
  c.pause();
  c.connect(port, '127.0.0.1', () => settle(() => {
    note('C', '.readableLength', c.readableLength);
    c.resume();
  }));
});
