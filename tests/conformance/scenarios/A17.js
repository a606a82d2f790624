'use strict';
// A17: a signal that is aborted before
const net = require('node:net');
const { note, watch } = require('../trace.js');

const server = watch(net.createServer(), 'V');
server.listen({ port: 0, signal: AbortSignal.abort() });
note('V', '.listening', server.listening);
