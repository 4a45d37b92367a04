"""Writes npy.json: .npy sections, and what NumPy reads from them (null: it refuses)."""
import base64, io, json, struct
import numpy as np

cases = []

def add(name, section):
    try:
        a = np.load(io.BytesIO(section))
        want = {"shape": list(a.shape), "data": [float(x) for x in a.ravel()]}
    except Exception:
        want = None
    cases.append({"name": name, "section": base64.b64encode(section).decode(), "want": want})

def npy(head, data, version=1, pad=True):
    head = head.encode("utf-8" if version == 3 else "latin1")
    if pad:
        head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + size + head + data

A = np.array([[2.0, 1, 0], [0.5, -1, 0.25]])
raw = A.tobytes()
for name, head in {
    "as written": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "no last comma": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)}",
    "key order": "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f8'}",
    "key order and comma": "{'fortran_order': False, 'shape': (2, 3), 'descr': '<f8', }",
    "no spaces": "{'descr':'<f8','fortran_order':False,'shape':(2,3)}",
    "many spaces": "  { 'descr' :\t'<f8' , 'fortran_order' :  False ,\n 'shape' : ( 2 , 3 ) }  ",
    "double quotes": '{"descr": "<f8", "fortran_order": False, "shape": (2, 3)}',
    "comma in shape": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3,), }",
    "long integers": "{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }",
    "unicode keys": "{u'descr': u'<f8', u'fortran_order': False, u'shape': (2, 3), }",
    "native order": "{'descr': '=f8', 'fortran_order': False, 'shape': (2, 3), }",
    "no order": "{'descr': 'f8', 'fortran_order': False, 'shape': (2, 3), }",
    "name of the type": "{'descr': 'float64', 'fortran_order': False, 'shape': (2, 3), }",
    "letter of the type": "{'descr': 'd', 'fortran_order': False, 'shape': (2, 3), }",
    "parentheses": "{'descr': ('<f8'), 'fortran_order': (False), 'shape': ((2, 3)), }",
    "underscores": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 0_0_3), }",
    "signs": "{'descr': '<f8', 'fortran_order': False, 'shape': (+2, 3), }",
    "three dimensions": "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3), }",
    "shape is a list": "{'descr': '<f8', 'fortran_order': False, 'shape': [2, 3], }",
    "shape is a number": "{'descr': '<f8', 'fortran_order': False, 'shape': (6), }",
    "order is a number": "{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 3), }",
    "an extra key": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), 'x': 1, }",
    "a key is missing": "{'descr': '<f8', 'shape': (2, 3), }",
    "no dictionary": "(2, 3)",
    "not closed": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), ",
    "two commas": "{'descr': '<f8',, 'fortran_order': False, 'shape': (2, 3), }",
    "a comma alone in shape": "{'descr': '<f8', 'fortran_order': False, 'shape': (,), }",
    "no comma": "{'descr': '<f8' 'fortran_order': False, 'shape': (2, 3), }",
    "a negative size": "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -3), }",
    "a fraction": "{'descr': '<f8', 'fortran_order': False, 'shape': (2.0, 3), }",
    "an unknown type": "{'descr': '<q9', 'fortran_order': False, 'shape': (2, 3), }",
    "text after the end": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), } x",
    "a huge size": "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 3), }",
    "empty": "",
    "comment after": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), } # made by hand",
    "comment inside": "{'descr': '<f8', # type\n 'fortran_order': False, 'shape': (2, 3), }",
    "shape list": "{'descr': '<f8', 'fortran_order': False, 'shape': [2, 3], }",
    "hex": "{'descr': '<f8', 'fortran_order': False, 'shape': (0x2, 0x3), }",
    "oct": "{'descr': '<f8', 'fortran_order': False, 'shape': (0o2, 0b11), }",
    "HEX": "{'descr': '<f8', 'fortran_order': False, 'shape': (0X2, 0B11), }",
    "hex under": "{'descr': '<f8', 'fortran_order': False, 'shape': (0x_2, 3), }",
    "space sign": "{'descr': '<f8', 'fortran_order': False, 'shape': (+ 2, 3), }",
    "plusplus": "{'descr': '<f8', 'fortran_order': False, 'shape': (--2, 3), }",
    "sum": "{'descr': '<f8', 'fortran_order': False, 'shape': (1+1, 3), }",
    "fortran 0": "{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 3), }",
    "r-string": "{'descr': r'<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "b-string": "{'descr': b'<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "concat": "{'descr': '<' 'f8', 'fortran_order': False, 'shape': (2, 3), }",
    "triple": "{'descr': '''<f8''', 'fortran_order': False, 'shape': (2, 3), }",
    "backslash cont": "{'descr': '<f8', \\\n'fortran_order': False, 'shape': (2, 3), }",
    "leading comment": "# hello\n{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "long": "{'descr': 'longlong', 'fortran_order': False, 'shape': (2, 3), }",
    "nul": "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\0",
    "digits01": "{'descr': '<f8', 'fortran_order': False, 'shape': (02, 3), }",
    "q": "{'descr': 'q', 'fortran_order': False, 'shape': (2, 3), }",
    "uint": "{'descr': 'uint', 'fortran_order': False, 'shape': (2, 3), }",
    "count of one": "{'descr': '1f8', 'fortran_order': False, 'shape': (2, 3), }",
    "order and count": "{'descr': '<1f8', 'fortran_order': False, 'shape': (2, 3), }",
    "count and order": "{'descr': '1<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "two orders": "{'descr': '>1<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "no dimensions before the type": "{'descr': '()f8', 'fortran_order': False, 'shape': (2, 3), }",
    "dimensions of one before the type": "{'descr': '(1,1)<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "count of two": "{'descr': '2f8', 'fortran_order': False, 'shape': (2, 3), }",
    "a zero in the type": "{'descr': '<f08', 'fortran_order': False, 'shape': (2, 3), }",
    "type and no dimensions": "{'descr': ('<f8', ()), 'fortran_order': False, 'shape': (2, 3), }",
    "type and a dimension of one": "{'descr': (('<f8', 1), (1,)), 'fortran_order': False, 'shape': (2, 3), }",
    "type and a dimension of two": "{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (2, 3), }",
    "escapes": r"{'d\x65scr': '\074\u0066\U00000038', 'fortran\137order': False, 'sh\x61pe': (2, 3), }",
    "a line that goes on in text": "{'descr': '<f8\\\n', 'fortran_order': False, 'shape': (2, 3), }",
    "raw text": r"{r'descr': r'<f8', 'fortran_order': False, 'shape': (2, 3), }",
    "an escape in raw text": r"{'descr': r'\074f8', 'fortran_order': False, 'shape': (2, 3), }",
    "an escape that is none": r"{'descr': '\x3', 'fortran_order': False, 'shape': (2, 3), }",
    "no rune": r"{'descr': '\Uffffffff', 'fortran_order': False, 'shape': (2, 3), }",
    "a backslash before a letter": r"{'descr': '\f8', 'fortran_order': False, 'shape': (2, 3), }",
    "text that ends in a backslash": "{'descr': '<f8\\",
}.items():
    add(name, npy(head, raw))
plain = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"
add("version 2", npy(plain, raw, 2))
add("version 3", npy(plain, raw, 3))
add("version 4", npy(plain, raw, 4))
add("version 3 without long integers", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }", raw, 3))
add("no padding", npy(plain, raw, pad=False))
add("no bytes", b"")
add("magic alone", b"\x93NUMPY")
add("no header", npy(plain, raw)[:40])
add("no data", npy(plain, b""))
for dtype in "<f8 >f8 <f4 >f4 <f2 >f2 <i8 >i8 <i4 >i4 <i2 >i2 |i1 <u8 >u8 <u4 >u4 <u2 >u2 |u1 |b1".split():
    for shape in [(), (6,), (0,), (2, 3)]:
        for order in "CF":
            b = io.BytesIO()
            x = np.resize(np.array([0, 1, 3, 100, 0.5, 77]), shape).astype(dtype)
            np.save(b, np.asarray(x, order=order))
            if len(shape) == 2 or order == "C":
                add(f"{dtype} {shape} {order}", b.getvalue())
        b = io.BytesIO()
with open("npy.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
np.savez("numpy.npz", A=np.asfortranarray(A).astype(">f4"), b=np.array([1, 2], dtype=np.int64))
np.savez_compressed("numpy-compressed.npz", A=A, b=np.array([[0.75], [0.5]]))
