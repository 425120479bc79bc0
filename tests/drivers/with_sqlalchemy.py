"""SQLAlchemy over PyMySQL and psycopg: reflection, pools, the object mapper, savepoints, bulk inserts."""

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql, postgresql

from mysql_steps import authority
from transcript import Transcript


def describe(error):
    original = getattr(error, "orig", None)
    return {"class": type(error).__name__, "orig": [str(argument) for argument in original.args] if original else str(error)}


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "drv_authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)
    profile: orm.Mapped[dict] = orm.mapped_column(sa.JSON)
    born: orm.Mapped[object] = orm.mapped_column(sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"), nullable=True)
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", order_by="Book.id", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "drv_books"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    title: orm.Mapped[str] = orm.mapped_column(sa.String(40))
    price: orm.Mapped[object] = orm.mapped_column(sa.Numeric(10, 2))
    cover: orm.Mapped[bytes] = orm.mapped_column(sa.LargeBinary, nullable=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("drv_authors.id"))
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


def inspected(engine):
    inspector = sa.inspect(engine)
    seen = [engine.dialect.name, sorted(inspector.get_table_names()), sorted(inspector.get_view_names()), sorted(inspector.get_schema_names())]
    for table in ["customers", "orders", "order_totals"]:
        seen.append([[column["name"], str(column["type"]), column["nullable"], column["default"]] for column in inspector.get_columns(table)])
        seen.append([inspector.get_indexes(table), inspector.get_foreign_keys(table)] if table != "order_totals" else inspector.get_view_definition(table))
    return seen


def reflected(engine):
    table = sa.Table("orders", sa.MetaData(), autoload_with=engine)
    with engine.connect() as conn:
        return conn.execute(sa.select(table.c.state, sa.func.count()).group_by(table.c.state).order_by(table.c.state)).all()


def mapped(engine):
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    seen = []
    with orm.Session(engine) as session:
        author = Author(name="Żółw 🦀", profile={"a": [1, None]}, books=[Book(title=f"b{n}", price=n / 4, cover=bytes([n] * 5)) for n in range(5)])
        session.add_all([author, Author(name="other", profile={})])
        session.commit()
        seen.append([author.id, [book.id for book in author.books]])
        try:
            with session.begin_nested():
                session.add(Author(name="other", profile={}))
        except sa.exc.IntegrityError as error:
            seen.append(describe(error))
        author.books[0].title = "changed"
        del author.books[3]
        session.commit()
        seen.append(session.execute(sa.select(Book.id, Book.title, Book.price, Book.cover).order_by(Book.id)).all())
        seen.append(session.scalars(sa.select(Author.name).join(Book).where(Book.price > 0.5).distinct()).all())
        seen.append(session.execute(sa.update(Book).where(Book.id > 2).values(price=9)).rowcount)
        session.rollback()
    Base.metadata.drop_all(engine)
    return seen


def bulk(engine):
    table = sa.Table("drv_bulk", sa.MetaData(), sa.Column("a", sa.Integer, primary_key=True), sa.Column("b", sa.String(20)))
    with engine.begin() as conn:
        table.drop(conn, checkfirst=True)
        table.create(conn)
        done = conn.execute(table.insert(), [{"a": n + 1, "b": str(n)} for n in range(3000)])
        again = conn.execute(upsert(engine, table))
        seen = [done.rowcount, again.rowcount, conn.execute(sa.select(sa.func.sum(table.c.a), sa.func.max(table.c.b))).all()]
        table.drop(conn)
        return seen


def upsert(engine, table):
    if engine.dialect.name in ("mysql", "mariadb"):
        insert = mysql.insert(table).values(a=1, b="x")
        return insert.on_duplicate_key_update(b=insert.inserted.b)
    insert = postgresql.insert(table).values(a=1, b="x")
    return insert.on_conflict_do_update(index_elements=[table.c.a], set_={"b": insert.excluded.b})


def streamed(engine):
    with engine.connect().execution_options(stream_results=True, max_row_buffer=50) as conn:
        return [len(part) for part in conn.execute(sa.text("SELECT id FROM orders ORDER BY id")).partitions(300)]


def pooled(engine):
    postgres = engine.dialect.name == "postgresql"
    setting, database = ("SET statement_timeout = '1min'", "current_database()") if postgres else ("SET @kept = 1", "database()")
    seen = []
    for _ in range(5):
        with engine.connect() as one, engine.connect() as two:
            one.execute(sa.text(setting))
            seen.append([one.execute(sa.text(f"SELECT {database}")).scalar(), two.execute(sa.text("SELECT 1")).scalar()])
    return seen


def errors(engine):
    seen = []
    for text in ["SELEC", "SELECT * FROM nosuch", "INSERT INTO products VALUES (1, 'a', 'b', 1, 1, 0)", "SELECT 1"]:
        with engine.connect() as conn:
            try:
                seen.append(conn.execute(sa.text(text)).all())
            except sa.exc.DBAPIError as error:
                seen.append(describe(error))
    return seen


def isolated(engine):
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as conn:
        seen = [conn.get_isolation_level(), conn.default_isolation_level]
    return seen + [engine.connect().get_isolation_level()]


def engine_for(url):
    place, ca = url.split("?")[0], authority(url)
    usual = {"pool_size": 3, "pool_pre_ping": True}
    if place.startswith("postgres://"):
        return sa.create_engine(place.replace("postgres://", "postgresql+psycopg://"), **usual)
    tls = {"ssl_ca": ca, "ssl_verify_cert": True, "ssl_verify_identity": True} if ca else {}
    return sa.create_engine(place.replace("mysql://", "mysql+pymysql://") + "?charset=utf8mb4", connect_args=tls, **usual)


def run(url):
    engine = engine_for(url)
    transcript = Transcript(describe)
    for function in (inspected, reflected, mapped, bulk, streamed, pooled, errors, isolated):
        transcript.step(function.__name__, function, engine)
    engine.dispose()
    transcript.print()
