"""Files of people as programs save them, and as they are after somebody has changed them."""

from hypothesis import strategies as st

from tests.fuzz.mutations import mutated_text

TEXTS = (
    'phone,name\n+14155550123,Zoë\n+14155550124,"Jörg, A"\n',
    'to;1;2\r\n+4915123456789;Anna;007\r\n+4915123456788;"say ""hi""";"one\ntwo"\r\n',
    "sep=;\r\nMobil;Vorname\r\n0151 23456789;Anna\r\n",
    "Telefon\tName\n+4915123456789\tAnna\n",
    "rejected_because,phone,name\nis empty,,Anna\n,+14155550123,Bob\n",
    "country code,phone,name\n49,15123456789,Anna\n",
    "id,to,status,whatsapp_message_id,error_code\n1,+14155550123,failed,wamid.1,131026\n",
    ",phone,name\n0,+14155550123,Anna\n1,+14155550124,Bob\n",
    "+14155550123\n+14155550124\n",
    '"phone","detail"\n"+14155550123","=1+1"\n"=""+14155550124""","x"\n',
    "phone,user_id,source,detail,created_at,broadcast_id\n+14155550123,,keyword,STOP,2026-01-01T00:00:00Z,\n",
    "account,phone,user_id,source,detail,created_at,broadcast_id\nshop,+14155550123,,api,,2026-01-01T00:00:00Z,\n",
    '[{"phone": "+14155550123"}]\n',
)
TOKENS = (
    *",;\t|\"'\r\n=",
    '""',
    '"\n',
    '\n"',
    ",,",
    "\r\n",
    "+14155550123",
    "phone",
    "to",
    "sep=|\n",
    "\ufeff",
    "1",
    "\u2028",
)


def files_of_people() -> st.SearchStrategy[str]:
    """The text of a file with some changes."""
    return mutated_text(TEXTS, TOKENS, changes=8)
