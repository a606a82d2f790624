'use strict';
// C39: destroy, and once more with an error
const { note, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.destroy();
  c.destroy(new Error('late'));
  note('C', '.errored', c.errored);
});
