'use strict';
// C30b: destroy at a path with bytes in the kernel that nobody has read
const { pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true }, s: {}, unix: true }, (s, c) => {
  c.write('abc');
  settle(() => s.destroy());
});
