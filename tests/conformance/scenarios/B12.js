'use strict';
// B12: a lookup for one address that answers with a text that is none
// deviation D-52: the text that is no address
// - C lookup bad 4 bad.test
// + C lookup ERR_INVALID_IP_ADDRESS bad.test
//   C error ERR_INVALID_IP_ADDRESS "Invalid IP address: bad"
const net = require('node:net');
const { answering, watch } = require('../trace.js');

watch(new net.Socket(), 'C').connect({ port: 1, host: 'bad.test', lookup: answering('bad'), autoSelectFamily: false });
